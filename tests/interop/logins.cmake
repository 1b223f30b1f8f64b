# The logins of the official C client, driven by test_logins_c.py. Included by CMakeLists.txt,
# which keeps sanitizers away from it.
add_executable(logins_c c/logins.c)
target_link_libraries(logins_c PRIVATE PkgConfig::NATS)
