unit_test(server server)
unit_test(interest server)
