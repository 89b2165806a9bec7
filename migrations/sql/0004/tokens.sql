-- How many requests a minute a token may make; none: as many as every token (app/people/limits.py).
ALTER TABLE api_token ADD COLUMN requests_per_minute integer CHECK (requests_per_minute BETWEEN 1 AND 1000000);
