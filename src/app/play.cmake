# The engines behind `tengen gtp`, `tengen gomocup` and `tengen analyze`, apart from the commands: tests and fuzzing link it.
set(here ${CMAKE_CURRENT_LIST_DIR})
tg_module(play
    SOURCES ${here}/player.c ${here}/evaluate.c ${here}/lines.c ${here}/moves.c
            ${here}/rules_text.c ${here}/sgf_rows.c ${here}/search_params.c
            ${here}/outlook.c ${here}/analyze_engine.c ${here}/analyze_query.c ${here}/analyze_settings.c
            ${here}/analyze_pool.c ${here}/analyze_work.c
            ${here}/analyze_cache.c ${here}/analyze_answer.c ${here}/analyze_serve.c
            ${here}/gtp_engine.c ${here}/gtp_board.c ${here}/gtp_move.c ${here}/gtp_clock.c
            ${here}/gtp_rules.c ${here}/gtp_score.c ${here}/gtp_handicap.c ${here}/gtp_analysis.c
            ${here}/gtp_params.c ${here}/gtp_info.c ${here}/gtp_sgf.c ${here}/gtp_serve.c
            ${here}/gomocup_engine.c ${here}/gomocup_serve.c
    PUBLIC tg::core tg::game tg::search tg::nn
    PRIVATE tg::report tg_dep::cjson)
