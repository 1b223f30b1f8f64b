foreach(part language options auth tls cluster flags files)
  unit_test(conf_${part} conf)
endforeach()
target_compile_definitions(test_conf_files PRIVATE CONF_DATA="${CMAKE_CURRENT_LIST_DIR}/conf")

unit_test(conf_man conf)
target_compile_definitions(test_conf_man PRIVATE
  CONF_PAGE="${CMAKE_SOURCE_DIR}/docs/man/nats-server.conf.5")

unit_test(signal_command base)
target_sources(test_signal_command PRIVATE ${CMAKE_SOURCE_DIR}/src/main/signal_command.c)
