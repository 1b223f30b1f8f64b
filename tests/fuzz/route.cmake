fuzz_target(route_parser proto base)
fuzz_target(route_info proto base)
