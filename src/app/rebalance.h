/* rebalance.h - private to src/app: how many ranks should train, judged by the time that both sides take. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Ranks are counted over the run, or on one host where cluster.trainers counts per host. */
struct rebalance_limits {
    int min, max;     /* trainers */
    double margin;    /* a side may wait for this share of the time */
    int patience;     /* iterations in a row that it has to wait longer before ranks move */
};

/* What one iteration (a round, in continuous mode) was like. */
struct rebalance_seen {
    int n_play, n_train;        /* ranks of each side */
    double play_sec, train_sec; /* that each side took for the same rows, while the other worked */
};

/* What is remembered between two iterations; all 0 at first and after a move. */
struct rebalance {
    int side;         /* 1: self-play waited for trainers, -1: trainers for rows, 0: neither */
    int n_in_a_row;
};

/* How many trainers there should be: seen->n_train, or less or more, and why (text, n bytes). Ranks move
 * only if one side waited beyond the margin for `patience` iterations in a row, and if the iteration
 * would then be shorter by at least half the margin; at most half the way that the times suggest, since
 * ranks do not add up quite. */
int rebalance_decide(struct rebalance *r, const struct rebalance_limits *limits,
                     const struct rebalance_seen *seen, char *text, size_t n);
