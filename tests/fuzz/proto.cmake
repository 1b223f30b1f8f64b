fuzz_target(parser proto base)
fuzz_target(subject proto base)
fuzz_target(connect proto base)
