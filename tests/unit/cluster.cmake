unit_test(mesh cluster base)
unit_test(mesh_dial cluster base)
unit_test(mesh_faults cluster base)
target_link_options(test_mesh_faults PRIVATE -Wl,--wrap=malloc -Wl,--wrap=calloc)
