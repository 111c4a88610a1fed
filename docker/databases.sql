-- The databases of the servers; the container of PostgreSQL and `make stack` run this once.
CREATE DATABASE mlflow;
CREATE DATABASE mlflow_users;
CREATE DATABASE prefect;
CREATE DATABASE tune;
