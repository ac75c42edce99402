/* help.c - tengen help [TOPIC]: the only place where usage is written down. */
#include "help.h"

#include <string.h>

#include "app.h"
#include "tengen/script.h"

static const struct topic { const char *name, *summary, *text; } topics[] = {
    {"train", "play, learn, and go on where it stopped",
     "usage: tengen train CONFIG [--run DIR] [--set key=value]... [--iterations N] [--seed S]\n"
     "                    [--walltime T]\n"
     "       mpirun -n 4 tengen train configs/go9-b6c96.lua\n\n"
     "Runs the whole cycle on all MPI ranks: self-play, replay, training, match. Start it again with the\n"
     "same directory and it goes on where it was.\n\n"
     "  CONFIG           a Lua script that returns a table of options (tengen help config)\n"
     "  --run DIR        the run's directory; default runs/NAME, with the config's name\n"
     "  --set key=value  override one option, such as --set search.visits=200; may be repeated\n"
     "  --iterations N   override how many iterations the run has in all\n"
     "  --seed S         override the seed of a new run\n"
     "  --walltime T     end in time for this limit: seconds, MM:SS, HH:MM:SS or D-HH:MM:SS from the start.\n"
     "                   Under Slurm the end of the job is known without it\n"
     "  --inject F       for tests: make a failure, F = KIND@RANK:PHASE[:ITERATION]; KIND is kill, stop, hang,\n"
     "                   disk-full, torn-write, bit-flip, nan-gradient or slow-rank\n\n"
     "SIGTERM, SIGINT, SIGUSR1 or a file DIR/stop end the run within seconds, whatever it is doing, with\n"
     "status 75: all is saved, games in flight too; submit it again. SIGUSR2 writes a line of status.\n"
     "(cluster.on_usr1 and so on change that.) A second start of the same command needs nothing else.\n"},
    {"match", "two players meet; Elo with error bars",
     "usage: tengen match --a NET --b NET|random|\"gtp:COMMAND\" --games N --visits V\n"
     "                    [--config CONFIG] [--set key=value]... [--opening-plies N] [--size N]\n"
     "                    [--rules NAME] [--komi K] [--seed S] [--threads T] [--parallel N]\n"
     "                    [--time SEC] [--backend NAME] [--sgf FILE] [--json]\n\n"
     "Plays pairs of games with the same random opening and colours swapped. Without a config the search\n"
     "is the default one, without noise, at temperature 0. Results are seen by a.\n\n"
     "  --a, --b         a network file (ours or KataGo's); b may be the uniform-random bot or a GTP engine\n"
     "  --time SEC       that an engine may take for a move, 60\n"
     "  --backend NAME   where networks are: cpu (the default), cuda, simulated, auto\n"
     "  --json           the last line of standard output is one JSON object with the result\n"
     "  --sgf FILE       write all games there, in the order of their numbers\n"},
    {"gtp", "play under a Go program (Go Text Protocol)",
     "usage: tengen gtp [--net FILE] [--game go|gomoku] [--rules NAME] [--size N] [--visits N]\n"
     "                  [--time SEC] [--threads T] [--backend NAME] [--seed S]\n\n"
     "Speaks GTP 2 on standard input and output, as Sabaki, GoGui, Lizzie and twogtp expect, with the\n"
     "analysis commands of KataGo and Leela Zero. Without a network it plays uniformly at random. Of its own\n"
     "it has tg-legal COLOR, the legal vertices, and tg-state, the position's outcome, pairs and side to move.\n\n"
     "  --rules NAME     go: tromp-taylor, chinese, japanese, ..; gomoku: freestyle, captures-engine, ..\n"
     "  --visits N       per move, 200; the time of a clock, or of --time per move, ends it sooner\n"
     "  --threads T      that search one tree together; default: the cores\n"},
    {"analyze", "answer questions about positions (KataGo's JSON analysis protocol)",
     "usage: tengen analyze --net FILE [--threads T] [--visits N] [--parallel N] [--time SEC]\n"
     "                      [--report-as BLACK|WHITE|SIDETOMOVE] [--pv-length N] [--cache MB] [--memory MB]\n"
     "                      [--config CONFIG] [--set key=value]... [--quit-without-waiting]\n\n"
     "One JSON object a line on standard input, one a line on standard output, as KataGo's analysis engine\n"
     "has it: KaTrain and others may run this command in its place.\n\n"
     "  --visits N       of a search where the query does not say; default 500\n"
     "  --parallel N     positions searched at once; default: as many as fill all threads' batches\n"
     "  --report-as P    whose winrates, points and ownership; default BLACK, as in KataGo's example\n"
     "  --cache MB       evaluations that are kept for other searches; default 256\n"
     "  --memory MB      all search trees together; default 2048\n"
     "  --config, --set  search settings of a run's config; default: those of tengen gtp, and points count\n"
     "                   a little\n"
     "  --quit-without-waiting  end with the input, without finishing open searches\n"},
    {"gomocup", "play under a Gomoku manager (Gomocup protocol)",
     "usage: tengen gomocup [--net FILE] [--rules NAME] [--visits N] [--threads T] [--backend NAME]\n"
     "                      [--seed S]\n\n"
     "Speaks the Gomocup (Piskvork) protocol on standard input and output. Without --visits a move takes\n"
     "the time that the manager allows, or 800 visits where it sets none.\n"},
    {"bench", "measure this machine",
     "usage: tengen bench infer|search|selfplay|train|commit [--net PRESET|FILE] [--size N]\n"
     "                    [--backend cpu|cuda|simulated|auto] [--backend-option TEXT] [--batch N] [--visits N]\n"
     "                    [--games N] [--rows N] [--threads T] [--seconds S] [--json]\n\n"
     "  infer     evaluations per second, beside oneDNN's own direct convolution in the same run\n"
     "  search    searches per second with the network, and the share of time outside of it\n"
     "  selfplay  games per second, and the share of time outside the network\n"
     "  train     a training step, as a multiple of a forward pass of the same batch\n"
     "  commit    a shard commit, as a share of write + fsync of the same bytes\n\n"
     "  --net, --size   a network of random parameters, or a file; the board's side, 9\n"
     "  --backend NAME  where the network is: default cpu. On a device infer has two batches under way, and\n"
     "                  selfplay and search say what share of that throughput they left unused\n"
     "  --backend-option  as net.backend_option of a config: \"fp16\", a device table\n"
     "  --batch N       infer, train: rows, on each rank; default 64\n"
     "  --games N       selfplay: at once, on each rank; default 16. A device gets a half of a thread's in a batch\n"
     "  --visits N      selfplay, search: of a move; default 100\n"
     "  --rows N        commit: of the shard; default 50000\n\n"
     "Under mpirun ranks take the host's devices in turn, and figures per second are sums over all ranks.\n"},
    {"plan", "what a run will cost, before it is submitted",
     "usage: tengen plan CONFIG --ranks N --device TABLE [--hosts H] [--cores C] [--set key=value]...\n"
     "                   [--iterations N] [--run DIR] [--plies P] [--rows-per-ply R] [--network GB] [--disk MB]\n"
     "                   [--json]\n\n"
     "Iterations, games, rows, wall time, GPU-hours, disk, inodes, memory, the age of samples, where ranks wait,\n"
     "what twice the ranks would bring, and every schedule by iteration. It reckons; nothing is run.\n\n"
     "  --device TABLE   how long the device takes: benchmarks/devices has tables and says how to measure one;\n"
     "                   TABLE,slow=F stretches its times. Another network goes by its FLOP per evaluation\n"
     "  --hosts H        that the ranks are on; default 1\n"
     "  --cores C        of a host, for self-play's threads; default: this machine's\n"
     "  --run DIR        a run of the first iterations, a tenth of them or more: games, bytes of a row, the time that\n"
     "                   threads take beside the network are as there; further iterations are like its newest third\n"
     "  --plies P        of a game. Default: Go 0.9 a point of the board, Gomoku 3 a side; max_plies at most\n"
     "  --rows-per-ply R share of plies that become rows. Default: those of full searches\n"
     "  --network GB     a second between hosts, for gradients; default 10\n"
     "  --disk MB        a second into files; default 200\n"},
    {"inspect", "what a shard, network or run holds",
     "usage: tengen inspect FILE|RUN [--json] [--verify]\n\n"
     "Prints what a shard (.h5), a network (.tgn, .bin.gz) or a run directory holds. --verify reads it all\n"
     "again, recounts it, match games too, and checks every checksum.\n"},
    {"status", "the story of a run",
     "usage: tengen status RUN\n\n"
     "Progress, losses, matches and promotions, config revisions, files that were set aside.\n"},
    {"report", "a run's story and curves as a web page",
     "usage: tengen report RUN\n\n"
     "Writes RUN/report.html: progress, curves, matches, configs. The page needs no server and no network.\n"},
    {"import", "a KataGo network becomes ours, or games become rows to learn from",
     "usage: tengen import NET.bin.gz [OUT.tgn]\n"
     "       tengen import GAMES.sgf|DIR... --out DIR [--config CONFIG] [--game go|gomoku] [--size N]\n"
     "                     [--rules NAME] [--shard-rows N]\n\n"
     "Reads KataGo's network format (versions 8 to 16) and writes our own. (Every command takes either.)\n\n"
     "Or reads games of people or engines (SGF files, directories of them) and writes shards of training\n"
     "rows: the policy is the move that was played, the outcome the game's result; score and ownership count\n"
     "where the game was played out. Games that are broken or illegal are named and left out. A run learns\n"
     "from them first with --set replay.pretrain=DIR. More ranks (mpirun) read faster.\n\n"
     "  --config CONFIG  board side and history of the run that will use the rows; else:\n"
     "  --game, --size   the game and the tensor's side: larger boards are left out; default go, 19 (15)\n"
     "  --rules NAME     of games that do not say theirs\n"
     "  --shard-rows N   a shard holds about so many rows; default 500000\n"},
    {"export", "our network becomes KataGo's",
     "usage: tengen export NET OUT.bin.gz\n\n"
     "Writes a Go network in KataGo's format, so that any KataGo engine or GUI plays it.\n"},
    {"version", "version and libraries", "usage: tengen version\n"},
    {"help", "this", "usage: tengen help [COMMAND|config]\n"},
};

bool help_print(FILE *out, const char *topic)
{
    size_t n = sizeof topics / sizeof *topics;

    if (topic != NULL && strcmp(topic, "config") == 0) {
        script_help(out);
        return true;
    }
    for (size_t i = 0; topic != NULL && i < n; i++)
        if (strcmp(topics[i].name, topic) == 0) {
            fputs(topics[i].text, out);
            return true;
        }
    if (topic != NULL)
        return false;
    fprintf(out, "tengen: trains Go and Gomoku networks by self-play, on one machine or many\n\n"
                 "usage: tengen COMMAND ...\n\n");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-9s %s\n", topics[i].name, topics[i].summary);
    fprintf(out, "\ntengen help COMMAND says more; tengen help config lists all options of a config.\n"
                 "Exit status: 0 done, 75 stopped on request (start again), 2 wrong usage or config, 1 failed.\n"
                 "Environment: TENGEN_LOG=error|warn|info|debug.\n");
    return true;
}

enum tg_status app_help(struct app *app, int argc, char **argv, struct tg_error *err)
{
    (void)app;
    if (!help_print(stdout, argc > 1 ? argv[1] : NULL))
        return FAIL(err, TG_EINVAL, "no help on \"%s\"; tengen help lists the commands", argv[1]);
    return TG_OK;
}
