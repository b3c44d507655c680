# The workflow in a container; results are written to /work:
#
#     docker build --tag wsss .
#     docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" wsss run pets.yaml
#
# For GPUs add --gpus all and --shm-size 8g.
FROM python:3.12-slim
WORKDIR /opt/wsss
COPY pyproject.toml README.md LICENSE Snakefile config.yaml ./
COPY src src
COPY rules rules
COPY profiles profiles
COPY configs configs
COPY envs envs
RUN pip install --no-cache-dir --constraint envs/constraints.txt '.[onnx]'
# caches of compiled kernels, plots and fetched weights, for any user
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
ENTRYPOINT ["wsss"]
CMD ["--help"]
