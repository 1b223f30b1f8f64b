foreach(part language options flags files)
  unit_test(conf_${part} conf)
endforeach()
target_compile_definitions(test_conf_files PRIVATE CONF_DATA="${CMAKE_CURRENT_LIST_DIR}/conf")
