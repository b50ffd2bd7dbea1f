"""What users bring: functions, their conventions and results, and the lines of theirs that force a float."""
