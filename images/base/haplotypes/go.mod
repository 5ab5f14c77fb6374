module biobatch/haplotypes

go 1.24
