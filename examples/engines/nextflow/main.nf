// Calls the variants of paired reads: FastQC, BWA, samtools, bcftools. The commands are those of `biobatch call-variants`.

params.reference = null
params.reads = null
params.outdir = null
params.ploidy = 2

process FASTQC {
    tag "${sample}"
    label 'fastqc'
    memory 2.GB
    publishDir "${params.outdir}/fastqc", mode: 'copy'

    input:
    tuple val(sample), path(reads)

    output:
    path '*_fastqc.{html,zip}'

    script:
    """
    fastqc --quiet ${reads}
    """
}

process INDEX {
    label 'bwa'
    memory 2.GB

    input:
    path reference

    output:
    path 'reference'

    script:
    """
    mkdir reference
    gzip -cdf ${reference} > reference/reference.fa
    bwa index reference/reference.fa
    samtools faidx reference/reference.fa
    """
}

process ALIGN {
    tag "${sample}"
    label 'bwa'
    cpus 2
    memory 3.GB
    publishDir "${params.outdir}/${sample}", mode: 'copy'

    input:
    tuple val(sample), path(reads), path(reference)

    output:
    tuple val(sample), path("${sample}.bam"), path("${sample}.bam.bai")

    script:
    """
    bwa mem -v 2 -K 100000000 -Y -t ${task.cpus} -R '@RG\\tID:${sample}\\tSM:${sample}\\tLB:${sample}\\tPL:ILLUMINA' \\
        ${reference}/reference.fa ${reads} \\
      | samtools fixmate -u -p -m - - \\
      | samtools sort -u -m 256M -T sort - \\
      | samtools markdup -T markdup --write-index - ${sample}.bam##idx##${sample}.bam.bai
    """
}

process CALL {
    tag "${sample}"
    label 'bcftools'
    memory 2.GB
    publishDir "${params.outdir}/${sample}", mode: 'copy'

    input:
    tuple val(sample), path(alignment), path(alignment_index), path(reference)

    output:
    tuple path("${sample}.vcf.gz"), path("${sample}.vcf.gz.tbi")

    script:
    """
    bcftools mpileup -Ou -f ${reference}/reference.fa -d 1000 -L 4000 -q 20 \\
        -a FORMAT/AD,FORMAT/ADF,FORMAT/ADR,FORMAT/DP,FORMAT/SP ${alignment} \\
      | bcftools call -Ou -m -v -A -a GQ --ploidy ${params.ploidy} \\
      | bcftools view -Ou -i 'AC>0' \\
      | bcftools +fill-tags -Ou -- -t FORMAT/VAF \\
      | bcftools norm -Ou -f ${reference}/reference.fa -m -any --multi-overlaps . \\
      | bcftools view -Ou -i 'AC>0' \\
      | bcftools filter -Ou -s LowQual -m + -e 'QUAL<20' \\
      | bcftools filter -Oz -s LowDepth -m + -e 'FORMAT/DP<3' -W=tbi -o ${sample}.vcf.gz
    """
}

workflow {
    // Names such as lambda_R1.fastq.gz and lambda_R2.fastq.gz give the sample lambda.
    reads = Channel.fromFilePairs(params.reads, checkIfExists: true)
    reference = INDEX(file(params.reference, checkIfExists: true))
    FASTQC(reads)
    aligned = ALIGN(reads.combine(reference))
    CALL(aligned.combine(reference))
}
