"""Sheets of samples: reading one, writing one for the FASTQ files of a folder, and uploading the files that one names."""
