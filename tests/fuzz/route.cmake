fuzz_target(route_parser proto base)
