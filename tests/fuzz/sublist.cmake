fuzz_target(sublist sublist)
