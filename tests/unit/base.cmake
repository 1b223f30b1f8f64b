unit_test(base base)
unit_test(base_log base)
unit_test(base_syslog base)
