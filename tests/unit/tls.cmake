unit_test(tls_names tls_names)

# Certificates made at run time, a client of OpenSSL.
add_library(tls_support STATIC tls_support.c)
target_link_libraries(tls_support PUBLIC tls base PkgConfig::SSL PkgConfig::CRYPTO PkgConfig::CMOCKA)
target_include_directories(tls_support PUBLIC ${CMAKE_CURRENT_LIST_DIR})
foreach(part context dialling identity session session_threads hostile)
  unit_test(tls_${part} tls_support)
endforeach()
unit_test(conn_tls net tls_support)
unit_test(tls_setup server tls_support)
unit_test(auth_certificate auth tls_support)
unit_test(net_handshakes net tls_support)
