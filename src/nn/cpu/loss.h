/* loss.h - losses of the rows in a lane, and their gradients by the heads' outputs. */
#pragma once

#include "lane.h"
#include "sums.h"

/* Rows first .. first + l->rows of b, after network_forward. Fills l->grad_logits, grad_pass,
 * grad_value, grad_score and grad_own, each loss divided by n_rows_global, and the rows'
 * b->t.value_error. */
void loss_rows(struct lane *l, struct nn_batch *b, int first, const struct nn_loss *loss,
               int n_rows_global, struct row_metrics *m);
