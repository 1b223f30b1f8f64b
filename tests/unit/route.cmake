unit_test(route_parser proto base)
unit_test(route_lines proto base)
