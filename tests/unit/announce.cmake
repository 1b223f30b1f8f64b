unit_test(announce server)
unit_test(own_urls server)
