// The sines as an entry of the table.
#include "experiment/sine/sine.h"

static const char *const train_reads[] = { "net", "train", "run", NULL };
static const char *const eval_adopts[] = { "train.support", NULL };
static const char *const eval_reads[] = { "train.support", "eval", "synapse", "run", "chip", "verify", "ledger", NULL };
static const char *const *item_settings(const void *set) {
  static const char *const drawn[] = { "run.seed", "train.support", NULL };
  (void)set;
  return drawn;
}

const struct experiment sine_experiment = {
  .name = "sine", .about = "sine curves from ten points", .items = "sines",
  .train_help =
    "Meta-train a small dense network so that its read-out learns a sine of any amplitude and phase from ten points.\n",
  .eval_help =
    "Let the model learn random sines and print its mean squared error after each update, with a 95 % confidence\n"
    "interval. --out writes the first sine: x, target, and outputs of the network before and after the updates.\n",
  .settings_size = sizeof(struct sine), .settings_init = sine_init, .settings = sine_settings,
  .train_reads = train_reads, .eval_reads = eval_reads, .chip_reads = eval_reads, .eval_adopts = eval_adopts,
  .convert_reads = sine_stored,
  .model_size = sizeof(struct sine_model), .owns = sine_owns, .model_new = sine_model_new,
  .model_load = sine_model_load, .model_save = sine_model_save, .model_release = sine_model_release,
  .train = sine_train, .time_training = sine_time_training,
  .result_size = sizeof(struct series), .eval = sine_eval, .check_eval = sine_eval_check,
  .result_print = series_print, .result_json = series_json,
  .result_csv = sine_result_csv, .result_release = series_release, .headline = series_headline, .scores = series_scores,
  .score = "error",
  .item_settings = item_settings,
  .chip_plan = sine_chip_plan, .chip_program = sine_chip_program,
  .model_shipped = "models/sine.safetensors", .showcase_items = 200,
  .showcase_kinds = 1 << RUN_EXACT | 1 << RUN_QUANTISED | 1 << RUN_CHIP,
};
