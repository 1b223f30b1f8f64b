fuzz_target(conf conf tls_names)
target_include_directories(fuzz_conf PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../unit)
