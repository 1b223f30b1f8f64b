unit_test(server server)
