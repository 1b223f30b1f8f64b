unit_test(route_parser proto base)
unit_test(route_lines proto base)
unit_test(route_info proto base)
target_link_options(test_route_info PRIVATE
  -Wl,--wrap=malloc -Wl,--wrap=realloc)
