/* analyze_query.c - a line of JSON becomes a query: its board, its game, what is wanted of it.
 *
 * Everything is checked here: a query that leaves this file can be searched. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"
#include "analyze_settings.h"
#include "moves.h"
#include "rules_text.h"

static const char *const known_fields[] = {
    "id", "action", "moves", "initialStones", "initialPlayer", "rules", "komi", "whiteHandicapBonus",
    "boardXSize", "boardYSize", "analyzeTurns", "maxVisits", "rootPolicyTemperature",
    "rootFpuReductionMax", "analysisPVLen", "includeOwnership", "includeOwnershipStdev",
    "includeMovesOwnership", "includeMovesOwnershipStdev", "includePolicy", "includePVVisits",
    "includeNoResultValue", "avoidMoves", "allowMoves", "overrideSettings", "reportDuringSearchEvery",
    "firstReportDuringSearchAfter", "priority", "priorities",
};
static const char pair_wanted[] = "Must be an array of pairs of the form: [\"b\" or \"w\", board vertex]";
static const char ban_wanted[] = "Must be a list of objects with fields player, moves, untilDepth";

bool reader_refuse(const struct reader *r, const char *field, const char *why)
{
    answer_error(r->a, r->id, field, "%s", why);
    return false;
}

const cJSON *reader_field(const struct reader *r, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(r->json, name);
}

bool json_integer(const cJSON *item, double low, double high, double *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= low) || !(item->valuedouble <= high) ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *value = item->valuedouble;
    return true;
}

/* ---- board and moves ------------------------------------------------------------------------------ */

static bool read_board(struct reader *r)
{
    double side[2];
    static const char *const names[] = {"boardXSize", "boardYSize"};

    for (int i = 0; i < 2; i++)
        if (!json_integer(reader_field(r, names[i]), 2, GAME_MAX_SIZE, &side[i]))
            return reader_refuse(r, names[i], "Must provide an integer from 2 to 19");
    r->q->game = &pool_lane(r->a, (int)side[0], (int)side[1])->game;
    game_default_setup(r->q->game, &r->q->setup);
    r->q->setup.width = (uint8_t)side[0];
    r->q->setup.height = (uint8_t)side[1];
    r->empty.setup = r->q->setup;
    return true;
}

/* "Q16", "pass" or "(15,3)", counted from the top left. -1: no point of this board. */
static int read_vertex(const struct reader *r, const char *text)
{
    int x, y, used = 0;

    if (sscanf(text, " ( %3d , %3d ) %n", &x, &y, &used) == 2 && used > 0 && text[used] == '\0')
        return x >= 0 && y >= 0 && x < r->q->setup.width && y < r->q->setup.height
                   ? y * r->q->game->size + x
                   : -1;
    return game_vertex_parse(r->q->game, &r->empty, text);
}

/* Pairs of color and vertex into list (malloc'd, the caller frees). */
static bool read_pairs(struct reader *r, const char *field, bool pass, struct analyze_move **list, int *n)
{
    const cJSON *array = reader_field(r, field), *pair;
    int size = cJSON_GetArraySize(array);
    char why[160];

    *n = 0;
    if (!cJSON_IsArray(array))
        return reader_refuse(r, field, pair_wanted);
    *list = malloc(((size_t)size + 1) * sizeof **list);
    if (*list == NULL)
        return reader_refuse(r, field, "out of memory");
    cJSON_ArrayForEach(pair, array)
    {
        const char *color = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
        const char *vertex = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));
        enum game_color c;

        if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 || color == NULL || vertex == NULL)
            return reader_refuse(r, field, pair_wanted);
        int action = read_vertex(r, vertex);
        if (!moves_color(color, &c) || action < 0 || (!pass && action >= r->q->game->n_points)) {
            snprintf(why, sizeof why, "Could not parse %.20s %.60s", color, vertex);
            return reader_refuse(r, field, why);
        }
        (*list)[(*n)++] = (struct analyze_move){(int16_t)action, (uint8_t)c};
    }
    return true;
}

static bool read_stones(struct reader *r)
{
    struct analyze_move *list = NULL;
    int n;

    if (reader_field(r, "initialStones") == NULL)
        return true;
    bool good = read_pairs(r, "initialStones", false, &list, &n);
    for (int i = 0; good && i < n; i++)
        r->q->stones[list[i].action] = (uint8_t)(list[i].color + GAME_BLACK_STONE);
    r->q->has_stones = good && n > 0;
    free(list);
    return good;
}

static bool read_moves(struct reader *r)
{
    if (reader_field(r, "moves") == NULL)
        return reader_refuse(r, "moves", "Must specify an array of [player,location] pairs");
    if (!read_pairs(r, "moves", true, &r->q->moves, &r->q->n_moves))
        return false;
    return r->q->n_moves < GAME_MAX_PLIES || reader_refuse(r, "moves", "Too many moves");
}

/* Black stones before White's first move: what stands there, and moves in a row at the start. */
static int count_handicap(const struct query *q)
{
    int n = 0;

    for (int p = 0; p < q->game->n_points; p++) {
        n += q->stones[p] == GAME_BLACK_STONE;
        if (q->stones[p] == GAME_WHITE_STONE)
            return 0;
    }
    for (int i = 0; i < q->n_moves; i++) {
        bool pass = q->moves[i].action == q->game->n_points;

        if (!pass && q->moves[i].color == GAME_WHITE)
            break;
        n += !pass;
    }
    return n >= 2 ? n : 0;
}

static bool read_player(struct reader *r)
{
    const cJSON *item = reader_field(r, "initialPlayer");
    struct query *q = r->q;
    enum game_color color = GAME_BLACK;
    int n = 0;

    q->setup.handicap = (uint8_t)count_handicap(q);
    for (int p = 0; p < q->game->n_points; p++)
        n += q->stones[p] == GAME_BLACK_STONE;
    if (item != NULL) {
        if (!cJSON_IsString(item) || !moves_color(item->valuestring, &color))
            return reader_refuse(r, "initialPlayer", "Must be \"b\" or \"w\"");
    } else if (q->n_moves > 0) {
        color = (enum game_color)q->moves[0].color;
    } else if (n >= 2 && q->setup.handicap >= 2) {
        color = GAME_WHITE;
    }
    q->to_move = (uint8_t)color;
    return true;
}

/* ---- turns and priorities --------------------------------------------------------------------------- */

static bool read_turns(struct reader *r)
{
    static const char why[] = "Must specify an array of integers indicating turns to analyze";
    const cJSON *array = reader_field(r, "analyzeTurns"), *item;
    struct query *q = r->q;
    size_t n = (size_t)q->n_moves + 1;
    double turn;

    q->asked = calloc(n, sizeof *q->asked);
    q->priority = calloc(n, sizeof *q->priority);
    if (q->asked == NULL || q->priority == NULL)
        return reader_refuse(r, "analyzeTurns", "out of memory");
    if (array == NULL) {
        q->asked[q->n_moves] = true;
        return true;
    }
    if (!cJSON_IsArray(array))
        return reader_refuse(r, "analyzeTurns", why);
    cJSON_ArrayForEach(item, array)
    {
        if (!json_integer(item, -1e15, 1e15, &turn))
            return reader_refuse(r, "analyzeTurns", why);
        if (turn < 0 || turn > q->n_moves)
            return reader_refuse(r, "analyzeTurns", "Invalid turn number");
        q->asked[(int)turn] = true;
    }
    return true;
}

static bool read_priorities(struct reader *r)
{
    static const double most = 4611686018427387904.0; /* 2^62 */
    const cJSON *one = reader_field(r, "priority"), *array = reader_field(r, "priorities");
    const cJSON *turns = reader_field(r, "analyzeTurns"), *item, *turn;
    struct query *q = r->q;
    double value = 0;

    if (one != NULL && array != NULL)
        return reader_refuse(r, "priority", "Cannot specify both priority and priorities");
    if (one != NULL && !json_integer(one, -most, most, &value))
        return reader_refuse(r, "priority", "Must be an integer from -2^62 to 2^62");
    for (int t = 0; t <= q->n_moves; t++)
        q->priority[t] = (int64_t)value;
    if (array == NULL)
        return true;
    if (turns == NULL)
        return reader_refuse(r, "priorities", "Can only specify when also specifying analyzeTurns");
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != cJSON_GetArraySize(turns))
        return reader_refuse(r, "priorities", "Must be an array of integers, one for each of analyzeTurns");
    turn = turns->child;
    cJSON_ArrayForEach(item, array)
    {
        if (!json_integer(item, -most, most, &value))
            return reader_refuse(r, "priorities", "Invalid priority");
        q->priority[(int)turn->valuedouble] = (int64_t)value;
        turn = turn->next;
    }
    return true;
}

/* ---- rules ------------------------------------------------------------------------------------------- */

static bool read_rule(struct reader *r, const cJSON *item)
{
    const char *value = cJSON_IsBool(item) ? (cJSON_IsTrue(item) ? "true" : "false") : item->valuestring;
    char why[160];

    if (value != NULL && rules_text_set(&r->q->setup.go, item->string, value))
        return true;
    snprintf(why, sizeof why, "Could not parse rules: %.40s: %.40s", item->string,
             value != NULL ? value : "no text or boolean");
    return reader_refuse(r, "rules", why);
}

static bool read_rule_object(struct reader *r, const cJSON *rules)
{
    struct go_rules *go = &r->q->setup.go;
    const cJSON *item;

    if (r->q->game->kind != GAME_GO)
        return reader_refuse(r, "rules", "These are Go rules; the network plays Gomoku");
    rules_text_begin(go);
    cJSON_ArrayForEach(item, rules)
    {
        if (strcmp(item->string, "komi") != 0 && !read_rule(r, item))
            return false;
    }
    if (cJSON_GetObjectItemCaseSensitive(rules, "tax") == NULL && go->scoring == GO_SCORING_TERRITORY)
        go->tax = GO_TAX_SEKI;
    return true;
}

static bool set_komi(struct reader *r, const char *field, const cJSON *item)
{
    double komi2 = cJSON_IsNumber(item) ? 2.0 * item->valuedouble : NAN;

    if (!(fabs(komi2) <= 300.0) || komi2 != floor(komi2))
        return reader_refuse(r, field, "Komi must be an integer or half-integer from -150.0 to 150.0");
    r->q->setup.go.komi2 = (int16_t)komi2;
    return true;
}

static bool read_rules(struct reader *r)
{
    const cJSON *rules = reader_field(r, "rules");
    struct go_rules *go = &r->q->setup.go;
    struct tg_error err = {0};
    char why[TG_ERROR_TEXT + 32];

    if (cJSON_IsString(rules)) {
        if (rules_text_named(r->q->game, rules->valuestring, &r->q->setup, &err) != TG_OK) {
            snprintf(why, sizeof why, "Could not parse rules: %s", err.text);
            return reader_refuse(r, "rules", why);
        }
    } else if (!cJSON_IsObject(rules)) {
        return reader_refuse(r, "rules", "Must specify rules string, such as \"chinese\" or "
                                         "\"tromp-taylor\", or a JSON object with detailed rules");
    } else if (!read_rule_object(r, rules)) {
        return false;
    }
    const cJSON *komi = cJSON_GetObjectItemCaseSensitive(rules, "komi");

    go->komi2 = go->scoring == GO_SCORING_TERRITORY ? 13 : go->button ? 14 : 15;
    return komi == NULL || reader_field(r, "komi") != NULL || set_komi(r, "rules", komi);
}

static bool read_komi(struct reader *r)
{
    const cJSON *item = reader_field(r, "komi");
    const cJSON *bonus = reader_field(r, "whiteHandicapBonus");
    struct tg_error err = {0};

    if (item != NULL && !set_komi(r, "komi", item))
        return false;
    if (bonus != NULL && (!cJSON_IsString(bonus) ||
                          !rules_text_set(&r->q->setup.go, "whiteHandicapBonus", bonus->valuestring)))
        return reader_refuse(r, "whiteHandicapBonus", "Must be \"0\", \"N\" or \"N-1\"");
    if (game_setup_check(r->q->game, &r->q->setup, &err) != TG_OK)
        return reader_refuse(r, item != NULL ? "komi" : "rules", err.text);
    return true;
}

/* ---- moves that are not to be searched ----------------------------------------------------------------- */

static bool read_ban(struct reader *r, const char *field, const cJSON *ban, bool allow)
{
    const cJSON *moves = cJSON_GetObjectItemCaseSensitive(ban, "moves"), *item;
    const char *player = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(ban, "player"));
    int n_actions = r->q->game->n_actions;
    enum game_color color;
    double depth;

    if (!cJSON_IsArray(moves) || player == NULL || !moves_color(player, &color))
        return reader_refuse(r, field, ban_wanted);
    if (!json_integer(cJSON_GetObjectItemCaseSensitive(ban, "untilDepth"), 1, 1e9, &depth))
        return reader_refuse(r, field, "untilDepth must be a positive integer");
    int32_t *until = r->q->banned_until + (color == GAME_BLACK ? 0 : n_actions);

    for (int a = 0; allow && a < n_actions; a++)
        until[a] = (int32_t)depth;
    cJSON_ArrayForEach(item, moves)
    {
        int action = cJSON_IsString(item) ? read_vertex(r, item->valuestring) : -1;

        if (action < 0)
            return reader_refuse(r, field, "Could not parse board location");
        until[action] = allow ? 0 : (int32_t)depth;
    }
    return true;
}

static bool read_bans(struct reader *r)
{
    const cJSON *avoid = reader_field(r, "avoidMoves"), *allow = reader_field(r, "allowMoves"), *ban;
    const char *field = allow != NULL ? "allowMoves" : "avoidMoves";
    const cJSON *list = allow != NULL ? allow : avoid;

    if (list == NULL)
        return true;
    if (avoid != NULL && allow != NULL)
        return reader_refuse(r, "allowMoves", "Cannot specify both allowMoves and avoidMoves");
    if (!cJSON_IsArray(list))
        return reader_refuse(r, field, ban_wanted);
    if (allow != NULL && cJSON_GetArraySize(list) > 1)
        return reader_refuse(r, field, "Currently allowMoves only allows one entry");
    if (cJSON_GetArraySize(list) == 0)
        return true;
    r->q->banned_until = calloc(2 * (size_t)r->q->game->n_actions, sizeof *r->q->banned_until);
    if (r->q->banned_until == NULL)
        return reader_refuse(r, field, "out of memory");
    cJSON_ArrayForEach(ban, list)
    {
        if (!read_ban(r, field, ban, allow != NULL))
            return false;
    }
    return true;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

void query_unuse(struct query *q)
{
    if (q == NULL || atomic_fetch_sub(&q->n_uses, 1) > 1)
        return;
    free(q->id);
    free(q->moves);
    free(q->asked);
    free(q->priority);
    free(q->banned_until);
    free(q);
}

bool query_position(const struct query *q, int turn, struct position *pos, int *bad)
{
    const char *why;

    game_start(q->game, &q->setup, pos);
    *bad = -1;
    if (q->has_stones || q->to_move != GAME_BLACK)
        if (game_set_stones(q->game, pos, q->stones, (enum game_color)q->to_move, NULL) != TG_OK)
            return false;
    for (int i = 0; i < turn; i++)
        if (!moves_play(q->game, pos, (enum game_color)q->moves[i].color, q->moves[i].action, true, &why)) {
            *bad = i;
            return false;
        }
    return !pos->over || moves_reopen(q->game, pos) || q->game->kind != GAME_GO;
}

static bool check_game(struct reader *r)
{
    char name[GAME_VERTEX_CHARS], why[80];
    int bad;

    if (query_position(r->q, r->q->n_moves, &r->empty, &bad))
        return true;
    if (bad < 0)
        return reader_refuse(r, "initialStones", "A chain of the initial stones has no liberty");
    game_vertex_name(r->q->game, &r->empty, r->q->moves[bad].action, name);
    snprintf(why, sizeof why, "Illegal move %d: %s", bad, name);
    return reader_refuse(r, "moves", why);
}

static void warn_of_unknown_fields(const struct reader *r)
{
    const cJSON *item;
    int n = 0;

    cJSON_ArrayForEach(item, r->json)
    {
        bool known = false;

        for (size_t i = 0; i < sizeof known_fields / sizeof *known_fields; i++)
            known = known || strcmp(known_fields[i], item->string) == 0;
        if (!known && n++ < 10)
            answer_warning(r->a, r->id, item->string, "Unexpected or unused field");
    }
}

struct query *query_read(struct analyzer *a, const char *id, const cJSON *json)
{
    struct reader *r = calloc(1, sizeof *r);
    struct query *q = calloc(1, sizeof *q);

    if (r == NULL || q == NULL || (q->id = strdup(id)) == NULL) {
        answer_error(a, id, "id", "out of memory");
        free(r);
        free(q);
        return NULL;
    }
    *r = (struct reader){.a = a, .id = id, .json = json, .q = q};
    atomic_init(&q->n_uses, 1);
    bool good = read_board(r) && read_stones(r) && read_moves(r) && read_player(r) && read_turns(r) &&
                read_priorities(r) && read_rules(r) && read_komi(r) && reader_settings(r) &&
                read_bans(r) && check_game(r);
    if (good)
        warn_of_unknown_fields(r);
    free(r);
    if (good)
        return q;
    query_unuse(q);
    return NULL;
}
