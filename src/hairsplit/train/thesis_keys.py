"""The keys of the HNC thesis's YAML."""

KEYS = {
    "dataset": ("train_json_path", "val_json_path", "test_json_path", "image_folder_path"),
    "training": (
        "model_name", "num_epochs", "train_size", "learning_rate", "weight_decay", "num_warmup_steps", "mode",
        "finetune_mode", "lambda_ref", "hard_neg_weight", "dynamic_weight", "min_weight", "max_weight",
        "update_interval", "num_updates", "dpo_beta", "checkpoint_dir",
    ),
    "Val": ("val_size", "val_step_frequency", "split"),
    "deepspeed": (
        "config.train_batch_size", "config.train_micro_batch_size_per_gpu", "config.gradient_accumulation_steps",
        "config.gradient_checkpointing", "config.gradient_clipping", "config.fp16.enabled",
        "config.zero_optimization.stage",
    ),
}  # fmt: skip
"""Section -> its keys, by dots."""
KNOWN = tuple(f"{section}.{key}" for section, keys in KEYS.items() for key in keys)
"""All of them."""
NEEDED = ("dataset.train_json_path", "dataset.image_folder_path", "training.mode")
"""Without which there is no run."""
