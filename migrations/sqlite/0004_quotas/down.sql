DROP TABLE daily_counts;
ALTER TABLE memberships DROP COLUMN chosen;
