module nestling-languages-bench

go 1.20

require golang.org/x/sync v0.1.0
