unit_test(chunk net)
unit_test(deadlines net)
unit_test(net net)
unit_test(dialer net)
