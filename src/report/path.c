/* path.c - where things lie in a run's directory. */
#include <string.h>

#include "tengen/report.h"

static const struct {
    const char *head, *tail; /* around the number */
    int digits;              /* at least; 0: no number */
} names[] = {
    [RUN_MANIFEST] = {"manifest.json", "", 0},
    [RUN_CONFIG] = {"config.lua", "", 0},
    [RUN_REPLAY] = {"replay", "", 0},
    [RUN_SHARD] = {"replay/shard-", ".h5", 8},
    [RUN_NETS] = {"net", "", 0},
    [RUN_NET] = {"net/net-", ".tgn", 6},
    [RUN_CHECKPOINTS] = {"checkpoint", "", 0},
    [RUN_CHECKPOINT] = {"checkpoint/checkpoint-", ".tgc", 6},
    [RUN_GAMES] = {"games", "", 0},
    [RUN_GAMES_OF] = {"games/iteration-", ".sgf", 6},
    [RUN_MATCH] = {"games/match-", ".sgf", 6},
    [RUN_BASELINE] = {"games/baseline-", ".sgf", 6},
    [RUN_LOG] = {"log.jsonl", "", 0},
    [RUN_STOP] = {"stop", "", 0},
    [RUN_HTML] = {"report.html", "", 0},
    [RUN_RANKS] = {"ranks", "", 0},
    [RUN_LOCK] = {"lock", "", 0},
    [RUN_OPEN_SHARD] = {"replay/open-", ".h5", 8},
    [RUN_OPEN_GAMES] = {"checkpoint/open-", ".tgg", 6},
    [RUN_OPEN_CHECKPOINT] = {"checkpoint/open-", ".tgc", 6},
};

enum tg_status run_path(const char *dir, enum run_file file, int64_t number,
                        char path[RUN_PATH_MAX], struct tg_error *err)
{
    char digits[24] = "";
    int n;

    if (names[file].digits > 0)
        snprintf(digits, sizeof digits, "%0*lld", names[file].digits, (long long)number);
    n = snprintf(path, RUN_PATH_MAX, "%s/%s%s%s", dir, names[file].head, digits, names[file].tail);
    if (n >= RUN_PATH_MAX)
        return FAIL(err, TG_EINVAL, "the run directory's name is too long (%zu bytes): %.60s..",
                    strlen(dir), dir);
    return TG_OK;
}
