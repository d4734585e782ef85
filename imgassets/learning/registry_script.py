"""The script that MLflow keeps with a registered version and runs to load it ("model from code").

It holds no model of its own: a version's folder holds the weights (`model`) and a copy of the
Python file that knows how to use them (`code`, with a function `load_model(folder)`). So whoever
has mlflow, numpy and safetensors can load a version, whatever imgassets looks like by then.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd

# MLflow runs this file; imgassets never imports it.
from mlflow.models import set_model  # noqa: TID253
from mlflow.pyfunc import PythonModel, PythonModelContext  # noqa: TID253


class ServedModel(PythonModel):
    """A version's own code around its own weights."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights with the code that was registered with them."""
        code = Path(context.artifacts["code"])
        spec = importlib.util.spec_from_file_location(f"registered_{code.stem}", code)
        if spec is None or spec.loader is None:
            raise ImportError(f"{code} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.model = module.load_model(Path(context.artifacts["model"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Answer a frame with a frame; its columns are the model's own."""
        return self.model.predict_frame(model_input)


set_model(ServedModel())
