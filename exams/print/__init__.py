"""The exam on paper: paper, answer sheet and sealed key of each form, as DOCX and PDF."""
