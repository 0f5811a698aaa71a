"""What a model's variables hold in the midst of `fit`."""

import keras


class LiveState:
    """Reads the weights and the step of a model, for callbacks.

    On JAX the training step is a pure function: `fit` hands its state from
    step to step, and until an epoch ends the variables hold nothing. To have
    Keras put everything back after each step takes milliseconds; so what is
    needed is read from where it is.

    Args:
        model: compiled `keras.Model`, its optimizer built.
    """

    def __init__(self, model):
        self._model = model
        self._weights = model.weights
        optimizer = model.optimizer
        inner = inner_optimizer(optimizer)
        self._batches = inner.variables[0]
        self._batches_per_step = inner.gradient_accumulation_steps or 1
        self._batches_so_far = 0
        self._may_leave_out = inner is not optimizer
        self._places = {
            id(variable): (group, index)
            for group, variables in {
                "trainable_variables": model.trainable_variables,
                "non_trainable_variables": model.non_trainable_variables,
                "optimizer_variables": optimizer.variables,
            }.items()
            for index, variable in enumerate(variables)
        }

    def optimizer_steps(self):
        """Int. Steps of the optimizer so far, in this and earlier runs."""
        (batches,) = self._values([self._batches])
        self._batches_so_far = int(keras.ops.convert_to_numpy(batches))
        return self._batches_so_far // self._batches_per_step

    def optimizer_steps_after_batch(self):
        """The same, once after each batch since it was last asked for.

        To count does not wait for the device. With loss scaling, which leaves
        steps out, only the device knows.
        """
        if self._may_leave_out:
            return self.optimizer_steps()
        self._batches_so_far += 1
        return self._batches_so_far // self._batches_per_step

    def weights(self):
        """The values of `model.weights`, on this process's first device."""
        return self._values(self._weights)

    def _values(self, variables):
        if keras.backend.backend() != "jax":
            return [variable.value for variable in variables]
        if self._model._jax_state_synced:
            values = [variable.value for variable in variables]
        else:
            state = self._model._jax_state
            places = [self._places[id(variable)] for variable in variables]
            values = [state[group][index] for group, index in places]
        if len(values[0].sharding.device_set) == 1:
            return values
        # Every device has a copy; the whole may span several processes.
        return [value.addressable_data(0) for value in values]


def inner_optimizer(optimizer):
    """The optimizer that knows the steps: loss scaling wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def put_back(model):
    """Gives a model's variables their values, in the midst of `fit`."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()
