"""`python -m benchmarks`: measure, print, write RESULTS.md and out/results.json."""

from benchmarks.run import main

main()
