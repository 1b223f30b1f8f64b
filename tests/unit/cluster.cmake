unit_test(mesh mesh base)
unit_test(mesh_dial mesh base)
unit_test(mesh_faults mesh base)
target_link_options(test_mesh_faults PRIVATE -Wl,--wrap=malloc -Wl,--wrap=calloc)
unit_test(mesh_sim mesh base)
target_sources(test_mesh_sim PRIVATE sim.c sim_chaos.c sim_go.c sim_net.c sim_node.c)
unit_test(cluster_sim cluster)
target_sources(test_cluster_sim PRIVATE sim.c sim_chaos.c sim_cluster.c sim_delivery.c sim_go.c
  sim_interest.c sim_net.c sim_node.c sim_oracle.c)
