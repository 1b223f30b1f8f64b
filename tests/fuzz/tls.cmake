fuzz_target(dn tls base PkgConfig::CRYPTO)
fuzz_target(tls_session tls base PkgConfig::SSL PkgConfig::CRYPTO)
