module biobatch/distances

go 1.24
