-- Run once, by the image of PostgreSQL on an empty data folder. The database "warehouse" is there.
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
