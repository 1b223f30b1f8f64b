unit_test(permissions auth base proto)
unit_test(responses auth base proto)
