-- one row: hours of all unplanned outages of nodes, and how many of them were seen to end.
SELECT sum(exit_hours) AS outage_hours, count_if(observed) AS repaired FROM outage_lives
