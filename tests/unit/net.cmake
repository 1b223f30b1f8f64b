unit_test(net net)
