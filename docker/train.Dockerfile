# Trains on NVIDIA GPUs: torch's wheels bring CUDA along, the host brings the driver.
#
#   docker build -f docker/train.Dockerfile -t mien-train .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/project" mien-train \
#       run examples/thesis.toml --set train.network=vgg16 --set train.recipe.batch_size=30
#
# Every GPU of the machine, one process each:
#   docker run --rm --gpus all --shm-size 2g --user "$(id -u):$(id -g)" -v "$PWD:/project" \
#       --entrypoint torchrun mien-train --standalone --nproc-per-node gpu \
#       -m mien train settings.toml --faces FACES --split SPLIT --out OUT

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements/uv.txt requirements/train.txt requirements/
RUN python -m venv /opt/mien \
    && /opt/mien/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/uv.txt \
    && /opt/mien/bin/uv pip install --no-cache --python /opt/mien/bin/python --require-hashes \
        -r requirements/train.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/mien/bin/uv pip install --no-cache --python /opt/mien/bin/python --no-deps \
        --no-build-isolation .

FROM python:3.12-slim-bookworm
COPY --from=build /opt/mien /opt/mien
RUN useradd --create-home --uid 1000 mien && mkdir /project && chown mien /project
ENV PATH=/opt/mien/bin:$PATH \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    MIEN_CACHE=/project/.cache/mien \
    PYTHONUNBUFFERED=1
USER mien
WORKDIR /project
ENTRYPOINT ["mien"]
CMD ["train", "--help"]
