unit_test(auth auth base)
unit_test(auth_storm auth base)
unit_test(auth_parts auth base)
