/* shard_game.c - which game a shard's rows are of. */
#include "read_h5.h"
#include "tengen/replay.h"

enum tg_status replay_shard_game(const char *path, struct game *game, struct tg_error *err)
{
    struct shard_reader r;
    enum game_kind kind;
    enum tg_status rc;

    TRY_OUT(shard_reader_init(&r, path, err));
    if (!game_kind_parse(r.game, &kind) || r.history < 0 || r.history > GAME_MAX_PLANES)
        rc = FAIL(err, TG_EFORMAT, "%s: rows of an unknown game: \"%.31s\"", path, r.game);
    else
        rc = game_init(game, kind, (int)r.size, (int)r.history, err);
out:
    shard_reader_fini(&r);
    return rc;
}
