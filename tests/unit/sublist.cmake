unit_test(sublist sublist)
unit_test(sublist_threads sublist)
unit_test(sublist_remote sublist)
unit_test(draw sublist)
unit_test(sublist_faults sublist)
target_link_options(test_sublist_faults PRIVATE
  -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc)
