unit_test(cli cli)
unit_test(cli_args cli)
