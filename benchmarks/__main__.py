"""`python -m benchmarks`: measure, print, write RESULTS.md."""

from benchmarks.run import main

main()
