"""Which well-known package of a language brings a command that a shell does not find. Light.

Facts of the packages' own documents. Where the name of the command is the package's own it stands alone.
"""

from __future__ import annotations

from functools import cache

_OF_PYTHON = """
    alembic ansible:ansible ansible-playbook:ansible aws:awscli bandit black celery cookiecutter coverage
    dbt:dbt-core django-admin:django dvc fastapi flake8 flask gunicorn huggingface-cli:huggingface-hub hypercorn
    http:httpie ipython isort jupyter jupyter-lab:jupyterlab jupyter-notebook:notebook mkdocs mlflow mypy nox
    pip-compile:pip-tools pipenv poetry pre-commit pylint pyright pytest ruff scrapy sphinx-build:sphinx streamlit
    tensorboard tox twine uvicorn virtualenv yapf
"""
_OF_NODE = """
    cdk:aws-cdk eslint firebase:firebase-tools gatsby:gatsby-cli http-server nest:@nestjs/cli netlify:netlify-cli
    ng:@angular/cli nodemon pm2 pnpm prettier sass serverless ts-node tsc:typescript tsx turbo vercel vue:@vue/cli
    wrangler yarn
"""


@cache
def _all() -> dict[str, tuple[str, ...]]:
    found = {}
    for text, install in ((_OF_PYTHON, ("pip", "install")), (_OF_NODE, ("npm", "install", "-g"))):
        for row in text.split():
            name, _, package = row.partition(":")
            found[name] = (*install, package or name)
    return found


def installs(command: str) -> tuple[str, ...]:
    """Return what installs the package of a command, () where none is known."""
    return _all().get(command, ())
