fuzz_target(permissions auth base proto)
