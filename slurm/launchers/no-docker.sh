# shellcheck shell=bash disable=SC2034 # part of slurm/job.sh
# In place of slurm/launchers/dockerd.sh, where a job gets no Docker.
docker_socket=
docker_check() { :; }
docker_start() { :; }
docker_wait() { :; }
docker_environment() { :; }
docker_clean() { :; }
